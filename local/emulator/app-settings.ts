/** The settings of the app that decide which clients and messages get in, as its Lambdas find them in their environment. */

export interface AppSettings {
  /** Tokens are checked with these keys instead of the secret, so that none can be made here. */
  jwksUrl?: string | undefined;
  issuer?: string | undefined;
  audience?: string | undefined;
  /** Undefined: any. */
  allowedOrigins?: readonly string[] | undefined;
  /** Only the types that are listed in `message-types.ts` may be published. */
  closedTypes?: boolean | undefined;
  /** The claim of a token that holds its user's permissions. Undefined: that of the default. */
  permissionsClaim?: string | undefined;
  /** Every connection hears the channel `everyone`. */
  everyone?: boolean | undefined;
  /** The application is told who comes and goes. */
  events?: boolean | undefined;
}

export const settingsVars = (settings: AppSettings): Record<string, string> => ({
  JWKS_URL: settings.jwksUrl ?? '',
  JWT_ISSUER: settings.issuer ?? '',
  JWT_AUDIENCE: settings.audience ?? '',
  ALLOWED_ORIGINS: settings.allowedOrigins?.join(',') ?? '',
  CLOSED_TYPES: String(settings.closedTypes ?? false),
  PERMISSIONS_CLAIM: settings.permissionsClaim ?? '',
  EVERYONE: String(settings.everyone ?? true),
  EVENTS: String(settings.events ?? false),
});

/** `vars`: of all Lambdas together. */
export const readSettings = (vars: Record<string, string>): AppSettings => ({
  jwksUrl: vars.JWKS_URL || undefined,
  issuer: vars.JWT_ISSUER || undefined,
  audience: vars.JWT_AUDIENCE || undefined,
  allowedOrigins: vars.ALLOWED_ORIGINS ? vars.ALLOWED_ORIGINS.split(',') : undefined,
  closedTypes: vars.CLOSED_TYPES === 'true',
  permissionsClaim: vars.PERMISSIONS_CLAIM || undefined,
  everyone: vars.EVERYONE === 'true',
  events: vars.EVENTS === 'true',
});

/** The console is a page of the stack itself: where origins are restricted, its own are allowed too. */
export function allowConsole(vars: Record<string, string>, httpUrl: string): Record<string, string> {
  if (!vars.ALLOWED_ORIGINS) return vars;
  const own = [httpUrl, httpUrl.replace('127.0.0.1', 'localhost')];
  return { ...vars, ALLOWED_ORIGINS: [vars.ALLOWED_ORIGINS, ...own].join(',') };
}
