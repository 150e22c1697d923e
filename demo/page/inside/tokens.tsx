// Tokens, as the inspector shows them.

export function Tokens() {
  return <p class="soft">Tokens</p>;
}
