declare x numeric(10,2) := 1.5; begin x := x + case when x > 1 then 2 else 3 end; begin null; end; end;
