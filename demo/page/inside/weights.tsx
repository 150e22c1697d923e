// Weights, as the inspector shows them.

export function Weights() {
  return <p class="soft">Weights</p>;
}
