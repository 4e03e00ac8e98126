/** Where the services of AWS are. */

/** The top-level domains of the partitions other than `aws`, by how their regions begin. */
const DOMAINS: Record<string, string> = {
  'cn-': 'amazonaws.com.cn',
  'eu-isoe-': 'cloud.adc-e.uk',
  'eusc-': 'amazonaws.eu',
  'us-iso-': 'c2s.ic.gov',
  'us-isob-': 'sc2s.sgov.gov',
  'us-isof-': 'csp.hci.ic.gov',
};

/** https://docs.aws.amazon.com/general/latest/gr/rande.html */
export function serviceUrl(service: string, region: string): string {
  const partition = Object.keys(DOMAINS).find((prefix) => region.startsWith(prefix));
  return `https://${service}.${region}.${DOMAINS[partition ?? ''] ?? 'amazonaws.com'}`;
}
