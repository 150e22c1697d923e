// Kernels, as the inspector shows them.

export function Kernels() {
  return <p class="soft">Kernels</p>;
}
