// Which Vulkan drivers the loader will see on Linux: what is installed, what the environment names, and what we tell it.

import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const variables = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES', 'VK_ADD_DRIVER_FILES'] as const;
type DriverVariables = Partial<Record<(typeof variables)[number], string>>;

/** What the environment says about drivers. */
export function driverVariables(): DriverVariables {
  const found: DriverVariables = {};
  for (const name of variables) {
    const value = process.env[name];
    if (value) found[name] = value;
  }
  return found;
}

/**
 * Makes the environment say exactly this. Loaders read it whenever adapters are listed.
 * In a worker thread `process.env` is a copy that loaders do not read: open a GPU in the main thread first.
 */
export function setDriverVariables(wanted: DriverVariables): void {
  for (const name of variables) {
    const value = wanted[name];
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/** The driver files (`lvp_icd.json`, ...) in the folders where the Khronos loader looks. */
export function installedDrivers(): string[] {
  const home = os.homedir();
  const list = (value: string | undefined, otherwise: string) => (value || otherwise).split(':');
  const roots = [
    ...list(process.env.XDG_CONFIG_HOME, path.join(home, '.config')),
    ...list(process.env.XDG_CONFIG_DIRS, '/etc/xdg'),
    '/etc',
    '/usr/local/etc',
    ...list(process.env.XDG_DATA_HOME, path.join(home, '.local/share')),
    ...list(process.env.XDG_DATA_DIRS, '/usr/local/share:/usr/share'),
    '/usr/local/share',
    '/usr/share',
  ];
  const folders = new Set(roots.map((root) => path.join(root, 'vulkan/icd.d')));
  return [...folders].flatMap((folder) => {
    try {
      return fs
        .readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .map((name) => path.join(folder, name));
    } catch {
      return [];
    }
  });
}
