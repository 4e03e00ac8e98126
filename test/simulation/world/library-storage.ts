/** `localStorage`, and what a crash may leave of it. */
import type { KeyValueStorage } from '../../../client/types.ts';
import type { Random } from '../random.ts';
import type { Storage } from './device.ts';

export class LibraryStorage implements KeyValueStorage {
  /** Every write, so that an older state can come back. */
  #writes: [string, string][] = [];

  getItem(key: string): string | undefined {
    return this.#writes.findLast(([written]) => written === key)?.[1];
  }

  setItem(key: string, value: string): void {
    this.#writes.push([key, value]);
  }

  afterCrash(storage: Storage, random: Random): void {
    if (storage === 'lost') this.#writes = [];
    if (storage === 'old') this.#writes = this.#writes.slice(0, random.integer(0, this.#writes.length));
  }
}
