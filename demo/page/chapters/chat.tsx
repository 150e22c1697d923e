// A conversation with the model before and after its lesson, side by side.

export function Chat() {
  return <p class="soft">chat</p>;
}
