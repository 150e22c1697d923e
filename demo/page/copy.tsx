// A button that copies a text, and says beside it what came of it.
import { useSignal } from '@preact/signals';

interface Props {
  label: string;
  text(): string;
}

export function CopyButton({ label, text }: Props) {
  const said = useSignal('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      said.value = 'copied';
    } catch {
      said.value = 'the browser gives no access to the clipboard';
    }
    setTimeout(() => (said.value = ''), 3000);
  };
  return (
    <>
      <button type="button" onClick={copy}>
        {label}
      </button>
      <span class="soft">{said.value}</span>
    </>
  );
}
