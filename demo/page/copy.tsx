// Buttons that copy a text, and say what came of it.
import { useSignal } from '@preact/signals';

interface Props {
  label: string;
  text(): string;
}

export function CopyButton({ label, text }: Props) {
  const { said, copy } = useCopy(text, () => 'the browser gives no access to the clipboard');
  return (
    <>
      <button type="button" onClick={copy}>
        {label}
      </button>
      <span class="soft">{said}</span>
    </>
  );
}

/**
 * @param refused what is done with the text where the browser gives no clipboard; says what came of it
 * @returns what came of it, for a moment, and '' otherwise
 */
export function useCopy(
  text: () => string,
  refused: (text: string) => string,
): { said: string; copy(): Promise<void> } {
  const said = useSignal('');
  const copy = async () => {
    const copied = text();
    try {
      await navigator.clipboard.writeText(copied);
      said.value = 'copied';
    } catch {
      said.value = refused(copied);
    }
    setTimeout(() => (said.value = ''), 3000);
  };
  return { said: said.value, copy };
}
