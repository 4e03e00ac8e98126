/** A name of the operator's own in front of an API, instead of the one API Gateway gives it. */
import { Arn, ArnFormat, Stack, Token } from 'aws-cdk-lib';
import { DomainName } from 'aws-cdk-lib/aws-apigatewayv2';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import { ARecord, type IHostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { ApiGatewayv2DomainProperties } from 'aws-cdk-lib/aws-route53-targets';
import type { Construct } from 'constructs';
import { InvalidSetting } from './settings.ts';

export interface CustomDomain {
  /** Such as `push.example.com`. */
  readonly domainName: string;
  /** Valid for that name, and in the Region of the stack. */
  readonly certificate: ICertificate;
  /**
   * The zone in which the name is made to point at the API.
   * @default none: point it yourself at the domain's `regionalDomainName`
   */
  readonly hostedZone?: IHostedZone;
}

export function createDomain(scope: Construct, { domainName, certificate, hostedZone }: CustomDomain) {
  const domain = new DomainName(scope, 'Domain', { domainName, certificate });
  if (hostedZone) {
    const { regionalDomainName, regionalHostedZoneId } = domain;
    const target = new ApiGatewayv2DomainProperties(regionalDomainName, regionalHostedZoneId);
    new ARecord(scope, 'Record', {
      zone: hostedZone,
      recordName: `${domainName}.`,
      target: RecordTarget.fromAlias(target),
    });
  }
  return domain;
}

export interface Domains {
  readonly webSocketDomain?: CustomDomain | undefined;
  readonly httpDomain?: CustomDomain | undefined;
}

export function checkDomains(scope: Construct, { webSocketDomain, httpDomain }: Domains): void {
  checkDomain(scope, 'webSocketDomain', webSocketDomain);
  checkDomain(scope, 'httpDomain', httpDomain);
  const { domainName } = webSocketDomain ?? {};
  if (domainName === undefined || domainName !== httpDomain?.domainName) return;
  throw new InvalidSetting(
    `httpDomain is "${domainName}", as webSocketDomain is: API Gateway maps a name to APIs of one kind`,
  );
}

const NAME = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}$/;

function checkDomain(scope: Construct, setting: string, domain: CustomDomain | undefined): void {
  if (domain === undefined) return;
  const { domainName, certificate } = domain;
  if (!Token.isUnresolved(domainName) && !NAME.test(domainName)) {
    throw new InvalidSetting(`${setting} is "${domainName}", expected a name such as push.example.com`);
  }
  // Callers without types can leave it out.
  if (!certificate) throw new InvalidSetting(`${setting} is "${domainName}" without a certificate for it`);
  const here = Stack.of(scope).region;
  const region = regionOf(certificate.certificateArn);
  if (region === undefined || Token.isUnresolved(here) || region === here) return;
  throw new InvalidSetting(
    `${setting} has a certificate of ${region}, expected one of ${here}, the stack's Region`,
  );
}

const regionOf = (arn: string): string | undefined =>
  Token.isUnresolved(arn) ? undefined : Arn.split(arn, ArnFormat.SLASH_RESOURCE_NAME).region;
