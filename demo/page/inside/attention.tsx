// Attention, as the inspector shows them.

export function Attention() {
  return <p class="soft">Attention</p>;
}
