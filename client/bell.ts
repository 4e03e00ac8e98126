/**
 * `herald-client/bell`: importing it defines the element `<herald-bell>`, which shows an inbox.
 * Where there are no elements, as on a server, it defines none.
 */
import { HeraldBell } from './bell/bell-element.ts';

declare global {
  interface HTMLElementTagNameMap {
    'herald-bell': HeraldBell;
  }
}

const NAME = 'herald-bell';

if (globalThis.customElements && !customElements.get(NAME)) customElements.define(NAME, HeraldBell);

export type { BellInbox, BellItem, BellMessage } from './bell/bell-inbox.ts';
export type { Describe, Description } from './bell/description.ts';
export type { BellLabels } from './bell/labels.ts';
export { HeraldBell };
