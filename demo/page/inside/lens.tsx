// Lens, as the inspector shows them.

export function Lens() {
  return <p class="soft">Lens</p>;
}
