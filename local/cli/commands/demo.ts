/** `herald demo`: the whole promise as a story in a few seconds. */
import { defineCommand } from '../command.ts';

export const demo = defineCommand({
  summary: 'Tells the whole promise as a story, on a local stack of its own.',
  operands: '',
  options: {},
  async run() {
    const { tellStory } = await import('../demo.ts');
    await tellStory();
  },
});
