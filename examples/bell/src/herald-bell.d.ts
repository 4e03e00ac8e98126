/** What `<herald-bell>` takes in JSX. */
import type { BellItem, HeraldBell } from 'herald-client/bell';
import type { DetailedHTMLProps, HTMLAttributes } from 'react';

type Properties = Partial<Pick<HeraldBell, 'inbox' | 'describe' | 'labels'>>;

interface BellAttributes extends DetailedHTMLProps<HTMLAttributes<HeraldBell>, HeraldBell>, Properties {
  'onherald-open'?: (event: CustomEvent<BellItem>) => void;
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'herald-bell': BellAttributes;
    }
  }
}
