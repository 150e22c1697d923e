// The version that a save names: another one may compute otherwise.
import packageJson from '../../package.json' with { type: 'json' };

export const { version } = packageJson;
