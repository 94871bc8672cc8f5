DROP TABLE public.domains;
DROP TABLE public.clients;
