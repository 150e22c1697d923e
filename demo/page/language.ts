// uPlot asks for numbers in the browser's language as soon as it is loaded. Under a C locale Chromium calls that `en-US@posix`, which
// is no language tag, and the page would end there: then it is told another. To be imported before uPlot.
try {
  new Intl.NumberFormat(globalThis.navigator?.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en-US', configurable: true });
}
