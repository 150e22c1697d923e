// The software drivers that come by npm: `@sparticuz/chromium` packs Chromium, SwiftShader (a Vulkan driver that runs on the CPU) and a
// Vulkan loader. This file finds the package and unpacks what is asked for into a cache folder, once, safely beside other processes.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { InputError } from '../../errors.ts';
import { makeFolders } from '../../make_folders.ts';

const packageName = '@sparticuz/chromium';
const installLine = `npm install --save-dev ${packageName}@147.0.0`;

export interface SoftwareVulkan {
  /** The Khronos loader, `libvulkan.so.1`. */
  loader: string;
  /** What `VK_ICD_FILENAMES` points to. */
  driverFile: string;
  /** `@sparticuz/chromium 147.0.0` */
  origin: string;
}

/**
 * SwiftShader and a Vulkan loader, unpacked (7 MB, 80 ms the first time).
 * @throws InputError where the package is missing, not made for this machine, or the cache cannot be written
 */
export function softwareVulkan(): SoftwareVulkan {
  const { bin, version } = findPackage();
  const wanted = ['libvulkan.so.1', 'libvk_swiftshader.so', 'vk_swiftshader_icd.json'];
  const folder = unpackOnce(`swiftshader-${version}`, (target) => {
    unpackTar(path.join(bin, 'swiftshader.tar.br'), target, (name) => wanted.includes(name));
  });
  const [loader, , driverFile] = wanted.map((name) => path.join(folder, name));
  return { loader: loader!, driverFile: driverFile!, origin: `${packageName} ${version}` };
}

/** True where an adapter's name that was asked for is a part of the packaged driver's. */
export function wantsPackaged(wanted: string | undefined): boolean {
  return wanted !== undefined && 'swiftshader device (subzero)'.includes(wanted.toLowerCase());
}

/** True where a path is a driver file that `softwareVulkan` unpacked, in this process or another. */
export function isPackagedDriver(file: string | undefined): boolean {
  return file !== undefined && path.basename(file) === 'vk_swiftshader_icd.json' && file.startsWith(cacheFolder());
}

export interface PackagedChromium {
  executable: string;
  /** For LD_LIBRARY_PATH and FONTCONFIG_PATH. */
  libraries: string;
  fonts: string;
  version: string;
}

/**
 * Chromium, unpacked with its SwiftShader, libraries and fonts (220 MB, 3 s the first time).
 * @throws InputError as `softwareVulkan` does
 */
export function packagedChromium(): PackagedChromium {
  const { bin, version } = findPackage();
  const folder = unpackOnce(`chromium-${version}`, (target, final) => {
    const program = brotliDecompressSync(fs.readFileSync(path.join(bin, 'chromium.br')));
    fs.writeFileSync(path.join(target, 'chromium'), program, { mode: 0o755 });
    for (const name of ['swiftshader', 'al2023', 'fonts']) unpackTar(path.join(bin, `${name}.tar.br`), target);
    fs.writeFileSync(path.join(target, 'fonts', 'fonts.conf'), fontSettings(path.join(final, 'fonts')));
  });
  return {
    executable: path.join(folder, 'chromium'),
    libraries: path.join(folder, 'lib'),
    fonts: path.join(folder, 'fonts'),
    version,
  };
}

/** `$XDG_CACHE_HOME/shaderformer`, by default `~/.cache/shaderformer`. Everything in it can be made again. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const set = env.XDG_CACHE_HOME;
  return path.join(set && path.isAbsolute(set) ? set : path.join(os.homedir(), '.cache'), 'shaderformer');
}

// The settings in the package look for its fonts at fixed places, such as /tmp/fonts.
function fontSettings(fonts: string): string {
  const folders = [fonts, '/usr/share/fonts', '/usr/local/share/fonts']
    .map((folder) => `<dir>${folder}</dir>`)
    .join('');
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${folders}<cachedir>${fonts}/cache</cachedir></fontconfig>\n`;
}

function findPackage(): { bin: string; version: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new InputError(
      `${packageName}: made for Linux on x86-64, this is ${process.platform} on ${process.arch}. Install a driver instead.`,
    );
  }
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(packageName);
  } catch {
    throw new InputError(
      `${packageName}: not installed, and the software driver comes from it. Install it: ${installLine}`,
    );
  }
  // The package exports only its program, <folder>/build/cjs/index.cjs.
  const folder = path.resolve(entry, '../../..');
  const { version } = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')) as { version: string };
  const bin = path.join(folder, 'bin');
  if (!fs.existsSync(path.join(bin, 'swiftshader.tar.br'))) {
    throw new InputError(`${packageName} ${version}: holds no SwiftShader, 147.0.0 does. Install it: ${installLine}`);
  }
  return { bin, version };
}

// The folder appears under its name by one rename, so it is whole wherever it is seen; of two processes that unpack at once, one wins.
function unpackOnce(name: string, fill: (folder: string, final: string) => void): string {
  const cache = cacheFolder();
  const final = path.join(cache, name);
  if (fs.existsSync(final)) return final;
  let temporary: string | undefined;
  try {
    makeFolders(cache);
    removeLeftovers(cache);
    temporary = fs.mkdtempSync(path.join(cache, '.unpack-'));
    fill(temporary, final);
    fs.chmodSync(temporary, 0o755);
    fs.renameSync(temporary, final);
  } catch (error) {
    if (temporary) fs.rmSync(temporary, { recursive: true, force: true });
    if (fs.existsSync(final)) return final;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(
      `cache folder ${cache}: cannot unpack ${name} there (${code ?? message}). Free some space, or set XDG_CACHE_HOME to a folder that can be written.`,
    );
  }
  return final;
}

/** What a process left that was killed while it unpacked; an hour is far longer than any unpacking. */
function removeLeftovers(cache: string): void {
  for (const name of fs.readdirSync(cache)) {
    if (!name.startsWith('.unpack-')) continue;
    const folder = path.join(cache, name);
    const stat = fs.statSync(folder, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > 3_600_000) fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Unpacks a brotli-compressed ustar archive: files and folders, as the package has them. */
function unpackTar(archive: string, target: string, wanted: (name: string) => boolean = () => true): void {
  const bytes = brotliDecompressSync(fs.readFileSync(archive));
  const text = (at: number, length: number) => bytes.toString('latin1', at, at + length).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= bytes.length; ) {
    const name = text(at, 100);
    if (name === '') break; // blocks of zeros end the archive
    const size = Number.parseInt(text(at + 124, 12), 8);
    const file = path.join(target, name);
    if (!file.startsWith(target + path.sep)) throw new Error(`${archive}: ${name} leaves the folder`);
    if (wanted(name)) {
      if (name.endsWith('/')) makeFolders(file);
      else {
        makeFolders(path.dirname(file));
        fs.writeFileSync(file, bytes.subarray(at + 512, at + 512 + size), { mode: 0o755 });
      }
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
}
