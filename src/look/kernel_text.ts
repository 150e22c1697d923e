// The WGSL text that a dispatch runs, as it was compiled: the file, the snippets that it asks for, f16 where values are stored so.
import { halved, kernel } from '../schedule/kernel.ts';
import type { PlannedDispatch } from '../schedule/plan.ts';

export interface KernelText {
  code: string;
  /** Lines of the file itself; the snippets stand behind them. */
  ownLines: number;
  /** Values of its `override` declarations. */
  constants: Readonly<Record<string, number>>;
  /** Fields of its Sizes, with the values of this dispatch. */
  sizes: Readonly<Record<string, number>>;
}

/** @param uniforms of the plan that the dispatch belongs to */
export function kernelText(dispatch: PlannedDispatch, uniforms: Uint8Array<ArrayBuffer>): KernelText {
  const k = kernel(dispatch.kernel);
  const view = new DataView(uniforms.buffer, uniforms.byteOffset, uniforms.byteLength);
  const sizes = k.sizes.map(({ name, type, offset }) => {
    const at = dispatch.uniform! + offset;
    const value =
      type === 'f32' ? view.getFloat32(at, true) : type === 'i32' ? view.getInt32(at, true) : view.getUint32(at, true);
    return [name, value] as const;
  });
  const { code, ownLines } = k;
  return {
    code: halved(code, dispatch.half),
    ownLines,
    constants: dispatch.constants,
    sizes: Object.fromEntries(sizes),
  };
}
