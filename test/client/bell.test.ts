/** What the bell shows of a message, as far as it takes no page. `test/browser/bell.test.ts` has the rest. */
import { describe, expect, it } from 'vitest';
import { defaultDescription, safeUrl } from '../../client/bell/description.ts';
import { LABELS } from '../../client/bell/labels.ts';

describe('a message that the page does not describe', () => {
  const message = (data: unknown) => ({ seq: 1, id: 'a', type: 'order.shipped', data, sentAt: 0 });

  it.each([
    [
      { title: 'Shipped', text: 'Tomorrow' },
      { title: 'Shipped', text: 'Tomorrow' },
    ],
    [{ title: 'Shipped' }, { title: 'Shipped' }],
    [{ text: 'Tomorrow' }, { title: 'Tomorrow' }],
    [{ title: 7, text: ['Tomorrow'] }, { title: 'order.shipped' }],
    [{ title: '', text: '' }, { title: 'order.shipped' }],
    ['Tomorrow', { title: 'order.shipped' }],
    [null, { title: 'order.shipped' }],
    [undefined, { title: 'order.shipped' }],
  ])('%j', (data, expected) => {
    expect(defaultDescription(message(data))).toEqual(expected);
  });
});

describe('a link', () => {
  const PAGE = 'https://shop.example/orders/';

  it.each([
    '7',
    '/',
    '#top',
    '?page=2',
    '//other.example/',
    'https://other.example/',
    'http://other.example/',
  ])('may lead to %s', (href) => expect(safeUrl(href, PAGE)).toBe(href));

  it.each([
    'javascript:alert(1)',
    ' JavaScript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'blob:https://shop.example/7',
    'https://[',
  ])('may not lead to %j', (href) => expect(safeUrl(href, PAGE)).toBe(undefined));

  it('may lead to a page of an app that has a scheme of its own', () => {
    expect(safeUrl('orders/7', 'capacitor://localhost/')).toBe('orders/7');
  });
});

it('tells as many unread messages as the server counts', () => {
  expect([0, 1, 999, 1000].map(LABELS.unreadCount)).toEqual([
    'Notifications: none unread',
    'Notifications: 1 unread',
    'Notifications: 999 unread',
    'Notifications: 1000 or more unread',
  ]);
});
