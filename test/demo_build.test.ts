// The built page: complete before any script runs, small at the first visit, from one origin, and servable under any path.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recorded } from '../demo/recorded.ts';
import { type BuiltPage, buildPage } from '../src/cli/demo/build.ts';
import { demo } from '../src/cli/demo/demo.ts';
import { loadedAtOnce } from '../src/cli/demo/first_load.ts';
import { fillTemplate } from '../src/cli/demo/page_html.ts';
import { headerPolicy, metaPolicy } from '../src/cli/demo/policy.ts';
import { nameOf, type Served, servePage } from '../src/cli/demo/serve.ts';
import { fakeHome, shaderformer } from './cli_home.ts';

let page: BuiltPage;
let html: string;
let server: Served;
beforeAll(async () => {
  page = await buildPage();
  html = new TextDecoder().decode(page.files.get('index.html'));
  server = await servePage(page.files, { under: '/any/where/' });
}, 60_000);
afterAll(() => server?.close());

test('the first visit loads under 300 KB compressed', () => {
  expect(page.firstLoad).toEqual(expect.arrayContaining(['index.html', 'style.css', 'page.js', 'worker.js']));
  expect(page.firstLoadBytes).toBeLessThan(300_000);
});

test('tables of a tokenizer are no part of the first visit', () => {
  const later = [...page.files.keys()].filter((name) => name.includes('r50k_base'));
  expect(later.length).toBe(1);
  expect(page.firstLoad).not.toContain(later[0]);
});

test('a trained model lies beside the page as it is in its folder, and is no part of the first visit', () => {
  const folder = 'models/messages-en-fr/';
  const names = ['README.md', 'config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  for (const name of names) expect(page.files.get(folder + name)!.byteLength).toBeGreaterThan(0);
  expect(page.firstLoad.filter((name) => name.startsWith(folder))).toEqual([]);
});

test('before any script there are the ghost curve, two samples marked as recorded, the bar, the text and the model', () => {
  expect(html).toMatch(/<path [^>]*data-ghost[^>]* d="M[\d.]+ [\d.]+L/);
  expect(html.match(/data-recorded="\d+"/g)?.length).toBe(2);
  expect(html.match(/<b> recorded<\/b>/g)?.length).toBe(2);
  expect(html).toContain('id="run"');
  expect(html.match(/class="token /g)!.length).toBeGreaterThan(100);
  expect(html.match(/data-part=/g)!.length).toBeGreaterThan(10);
});

test('nothing in the page needs a style or a script that its policy forbids', () => {
  expect(html).not.toMatch(/ style="| on\w+="|<style/);
  expect(html.match(/<script/g)?.length).toBe(1);
  expect(html).not.toMatch(/(src|href)="(https?:)?\//);
});

test('the recorded run is a whole one of the settings it names', () => {
  expect(recorded.curve.at(-1)![0]).toBe(recorded.settings.steps);
  expect(recorded.validation.at(-1)![0]).toBe(recorded.settings.steps);
  expect(recorded.curve[0]![1]).toBeGreaterThan(0.95 * recorded.text.references.guessing);
  expect(recorded.samples.length).toBeGreaterThanOrEqual(2);
});

test('the policy is in the page as far as a page can carry it, and whole in the header', async () => {
  expect(html).toContain(`content="${metaPolicy}"`);
  expect(metaPolicy).not.toContain('frame-ancestors');
  const response = await fetch(server.address);
  expect(response.headers.get('content-security-policy')).toBe(headerPolicy);
  expect(headerPolicy).toContain("frame-ancestors 'none'");
});

test('every file is served under any path with its type, and no other', async () => {
  for (const [name, type] of [
    ['', 'text/html'],
    ['page.js', 'text/javascript'],
    ['worker.js', 'text/javascript'],
    ['style.css', 'text/css'],
    ['icon.svg', 'image/svg+xml'],
    ['moby-dick.txt', 'text/plain'],
  ]) {
    const response = await fetch(server.address + name);
    expect([name, response.status]).toEqual([name, 200]);
    expect(response.headers.get('content-type')).toContain(type);
  }
  expect((await fetch(new URL('/page.js', server.address))).status).toBe(404);
  expect((await fetch(`${server.address}..%2f..%2fpackage.json`)).status).toBe(404);
  expect((await fetch(server.address, { method: 'POST' })).status).toBe(405);
});

test('names of files are read off an address, and nothing outside', () => {
  expect(nameOf('/a/parts/x.js?v=1', '/a/')).toBe('parts/x.js');
  expect(nameOf('/a/', '/a/')).toBe('index.html');
  expect(nameOf('/b/x.js', '/a/')).toBe(null);
  expect(nameOf('/a/%', '/a/')).toBe(null);
});

test('what is imported at once counts, what is imported when needed does not', () => {
  const outputs = {
    'page.js': {
      imports: [
        { path: 'a.js', kind: 'import-statement' },
        { path: 'later.js', kind: 'dynamic-import' },
      ],
    },
    'a.js': { imports: [{ path: 'b.js', kind: 'import-statement' }] },
    'b.js': { imports: [] },
    'later.js': { imports: [] },
  };
  expect(loadedAtOnce({ outputs }, ['page.js'])).toEqual(['page.js', 'a.js', 'b.js']);
});

test('a template and its parts must agree', () => {
  expect(fillTemplate('<a><!--x--></a>', { x: '$1 <b>' })).toBe('<a>$1 <b></a>');
  expect(() => fillTemplate('<!--x-->', {})).toThrow('<!--x-->');
  expect(() => fillTemplate('', { x: '' })).toThrow('<!--x-->');
});

test('demo --out writes the folder, and not over somebody else\u2019s', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'demo-'));
  const out = path.join(dir, 'page');
  const { code, stdout } = await shaderformer(['demo', '--out', out], [demo]);
  expect([code, stdout.includes('compressed at the first visit')]).toEqual([0, true]);
  expect(fs.readdirSync(out).sort()).toEqual(
    [...new Set([...page.files.keys()].map((name) => name.split('/')[0]))].sort(),
  );
  expect((await shaderformer(['demo', '--out', out], [demo])).code).toBe(0);
  fs.writeFileSync(path.join(dir, 'letter.txt'), 'mine');
  const refused = await shaderformer(['demo', '--out', dir], [demo]);
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('with other files in it')]);
  fs.rmSync(dir, { recursive: true });
});

test('demo serves the page at the address it prints, until Ctrl-C', async () => {
  const home = fakeHome();
  const ended = shaderformer(['demo'], [demo], home);
  await expect.poll(() => home.stdout.text, { timeout: 30_000 }).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\n$/);
  const address = home.stdout.text.trim();
  expect(await (await fetch(address)).text()).toBe(html);
  home.signals.emit('SIGINT');
  await ended;
  expect(home.left).toEqual([130]);
  await expect(fetch(address)).rejects.toThrow();
});

test('demo says which port is taken', async () => {
  const { code, stderr } = await shaderformer(['demo', '--port', String(new URL(server.address).port)], [demo]);
  expect([code, stderr]).toEqual([1, expect.stringContaining('taken by another program')]);
});
