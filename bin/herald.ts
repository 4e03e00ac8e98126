/** The CDK app. Settings come from CDK context: `cdk deploy -c jwksUrl=… -c issuer=…`; docs/operations.md lists them. */
import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { readSettings, stackName } from '../lib/context.ts';
import { HeraldStack } from '../lib/herald-stack.ts';
import { refuseMisspelt } from '../lib/misspelt.ts';
import { InvalidSetting } from '../lib/settings.ts';

try {
  const app = new App();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const read = (name: string): unknown => app.node.tryGetContext(name);
  refuseMisspelt(Object.keys(app.node.getAllContext()));
  new HeraldStack(app, stackName(read), readSettings(read));
  app.synth();
} catch (error) {
  if (!(error instanceof InvalidSetting)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
