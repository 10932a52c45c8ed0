/** TypeDoc's plugin that calls a page of the guide by its heading instead of its file. */
import { Converter } from 'typedoc';

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const page of project.documents ?? []) {
      const [first] = page.content;
      page.name = /^# (.+)/.exec(first.text)[1];
    }
  });
}
