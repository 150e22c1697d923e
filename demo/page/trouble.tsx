// An error is a sentence with a button: what happened, what is safe, and the ways out.
import { showInside } from './show_inside.ts';
import { store } from './store.ts';

export function Trouble() {
  const trouble = store.trouble.value;
  return (
    <div class="trouble" role="alert">
      {trouble && (
        <div class="inside">
          <p data-error>{trouble.sentence}</p>
          <div class="buttons">
            {trouble.offers.map(({ label, command }) => (
              <button type="button" class="primary" key={label} onClick={() => store.send(command)}>
                {label}
              </button>
            ))}
            {trouble.look && (
              <button type="button" onClick={() => showInside('kernels')}>
                Look at the dispatch
              </button>
            )}
            {trouble.reload && (
              <button type="button" class="primary" onClick={() => location.reload()}>
                Reload the page
              </button>
            )}
            <button type="button" onClick={() => (store.trouble.value = null)}>
              Close
            </button>
          </div>
        </div>
      )}
    </div>
  );
}
