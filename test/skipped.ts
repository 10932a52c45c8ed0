/** A reporter that ends a run with what was skipped, a line each: a skipped test says in its name, or its group's, what it needs. */
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map(
        (test: TestCase) => `  ${module.relativeModuleId}: ${test.fullName}`,
      ),
    );
    if (skipped.length) console.log(`\nSkipped\n${skipped.join('\n')}`);
  }
}
