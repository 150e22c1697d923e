// What the page may load and do, as the Content-Security-Policy that the server sends and that the page itself carries. Pure.

const rules = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  // The one policy of this name allows exactly the worker's address.
  'trusted-types app',
];

/** The policy of the response header. */
export const headerPolicy = rules.join('; ');

/** What of it a `<meta>` can carry, for hosts that send no headers: all but who may frame the page. Source: CSP level 3, section 3.3. */
export const metaPolicy = rules.filter((rule) => !rule.startsWith('frame-ancestors')).join('; ');
