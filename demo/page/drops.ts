// A file that is dropped beside its place: a browser would leave the page, and the run with it, to show the file.

/** Refuses files wherever nothing else takes them. */
export function refuseStrayFiles(): void {
  for (const type of ['dragover', 'drop'] as const)
    document.addEventListener(type, (event) => {
      if (event.defaultPrevented || !event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'none';
    });
}
