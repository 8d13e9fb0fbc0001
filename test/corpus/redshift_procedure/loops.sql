create or replace procedure walk(n in int, told inout varchar(200), out found_at int) nonatomic as $$
<<top>>
declare r record; c cursor for select 1; o refcursor; i int := 0; k constant int not null default 3;
begin
  for i in reverse 1..n by 2 loop continue top when i = 2; end loop;
  for r in select a, b from t where a > i order by 1 loop told := told || r.a; end loop;
  for r in execute 'select ' || n using 1, 2 loop exit; end loop;
  while i < 3 loop i := i + 1; end loop;
  if i = 1 then null; elsif i = 2 then return; else raise info 'at %', i; end if;
  case i when 1, 2 then perform f(i); else execute 'delete from t' into i using n; end case;
  open o for select 1; fetch o into i; close o; get diagnostics i := row_count;
  select into i, r.a max(a), 2 from t; insert into t (a) values (i); call other(i); commit; rollback;
exception when others then raise exception '% %', sqlerrm, sqlstate;
end; $$ language plpgsql security invoker
