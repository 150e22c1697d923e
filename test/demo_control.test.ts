// Whether a run of the page goes or holds, by what it is told.
import { expect, test } from 'vitest';
import { Control } from '../demo/worker/control.ts';
import { type Driver, whileHeld } from '../demo/worker/driver.ts';
import { InputError } from '../src/index.ts';

test('one step ends the loop when its batch was drawn, and what has ended stays so', () => {
  const control = new Control();
  expect([control.held, control.stop()]).toEqual([true, true]);
  control.one(8);
  control.drawn(7);
  expect(control.stop()).toBe(false);
  control.drawn(8);
  expect(control.stop()).toBe(true);
  control.end();
  control.go();
  expect([control.ended, control.going, control.stop()]).toEqual([true, false, true]);
});

test('a run goes on after what it held for, also where that failed, and one that held before holds', async () => {
  const control = new Control();
  const driver: Pick<Driver, 'control' | 'hold' | 'go'> = {
    control,
    hold: async () => control.hold(),
    go: () => control.go(),
  };
  control.go();
  const refused = whileHeld(driver, async () => {
    expect(control.held).toBe(true);
    throw new InputError('golden: cannot be fetched');
  });
  await expect(refused).rejects.toThrow('golden: cannot be fetched');
  expect(control.going).toBe(true);
  control.hold();
  await whileHeld(driver, async () => {});
  expect(control.held).toBe(true);
});
