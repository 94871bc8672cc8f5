CREATE TABLE public.clients (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name text NOT NULL UNIQUE,
    name text NOT NULL
);
CREATE TABLE public.domains (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain text NOT NULL,
    folder text NOT NULL DEFAULT '',
    tenant_id integer NOT NULL REFERENCES public.clients ON DELETE CASCADE,
    is_primary boolean NOT NULL DEFAULT false,
    redirect_to_primary boolean NOT NULL DEFAULT false,
    UNIQUE (domain, folder)
);
CREATE UNIQUE INDEX domains_primary ON public.domains (tenant_id) WHERE is_primary;
