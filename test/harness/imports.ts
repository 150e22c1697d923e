// The import lines of the sources, read with TypeScript's own parser: for the test that holds the house in shape.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

export interface Import {
  /** As written: `../errors.ts`, `node:fs`. */
  specifier: string;
  /** True where nothing is left of it at run time. */
  typeOnly: boolean;
  line: number;
}

export interface Source {
  /** From the root of the repository: `src/ops/matmul.ts`. */
  file: string;
  imports: Import[];
  /** Every identifier in the code, with its line: names in comments and texts are none. */
  identifiers: Map<string, number>;
  /** Every text in quotes; what a template fills in stands as `*`. */
  texts: Set<string>;
}

/** All .ts and .tsx files below a folder, as paths from the root. */
export function filesBelow(root: string, folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesBelow(root, name);
      return /\.tsx?$/.test(entry.name) ? [name] : [];
    })
    .sort();
}

export function readSource(root: string, file: string): Source {
  const tree = ts.createSourceFile(file, readFileSync(path.join(root, file), 'utf8'), ts.ScriptTarget.ES2022, true);
  const source: Source = { file, imports: [], identifiers: new Map(), texts: new Set() };
  const lineOf = (node: ts.Node) => tree.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const add = (specifier: ts.Expression | undefined, typeOnly: boolean) => {
    if (specifier && ts.isStringLiteral(specifier)) {
      source.imports.push({ specifier: specifier.text, typeOnly, line: lineOf(specifier) });
    }
  };
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, onlyTypes(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal as ts.Expression, true);
    if (ts.isIdentifier(node) && !source.identifiers.has(node.text)) source.identifiers.set(node.text, lineOf(node));
    if (ts.isStringLiteralLike(node)) source.texts.add(node.text);
    if (ts.isTemplateExpression(node)) {
      source.texts.add(node.head.text + node.templateSpans.map(({ literal }) => `*${literal.text}`).join(''));
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return source;
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (!clause) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  if (clause.name || !names || !ts.isNamedImports(names)) return false;
  return names.elements.length > 0 && names.elements.every((element) => element.isTypeOnly);
}

/** The first cycle of imports that are there at run time, as a list of files, or null. @param graph file -> files */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const open: string[] = [];
  const walk = (file: string): string[] | null => {
    if (done.has(file)) return null;
    if (open.includes(file)) return [...open.slice(open.indexOf(file)), file];
    open.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = walk(next);
      if (cycle) return cycle;
    }
    open.pop();
    done.add(file);
    return null;
  };
  for (const file of graph.keys()) {
    const cycle = walk(file);
    if (cycle) return cycle;
  }
  return null;
}
