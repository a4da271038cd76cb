%% Erlang/OTP: the workloads of bench/savina, as plain processes
%%
%%     erl -noshell -pa FOLDER -s erlang_savina main -extra --workload ping_pong --rounds 40000
%%
%% Processes know each other from a tuple of all that each is sent before the time begins, as an
%% array of references is known there. What is checked is what is checked there.
-module(erlang_savina).
-export([main/0]).

-define(WARM_UP, 20000).
-define(COLOURS, 3).
-define(PATIENCE_MS, 50000).

%% The suite's: how many processes, and how many rounds in all.
actors("ping_pong") -> 2;
actors("counting") -> 2;
actors("fork_join") -> 60;
actors("creation") -> 1;
actors("ring") -> 100;
actors("chameneos") -> 101;
actors("big") -> 120;
actors("bank") -> 1001.

%% ---- the workloads: what a cell is, given all; Main gets {done, N} until all rounds are done

cell("ping_pong", 0, Main, Rounds) ->
    fun(Cells) -> ping(element(2, Cells), Main, Rounds) end;
cell("ping_pong", 1, _, _) -> fun(_) -> pong() end;
cell("counting", 0, Main, Rounds) -> fun(Cells) -> produce(element(2, Cells), Main, Rounds) end;
cell("counting", 1, _, _) -> fun(_) -> count(0) end;
cell("fork_join", _, Main, Rounds) ->
    fun(Cells) -> Share = Rounds div tuple_size(Cells), work(Main, Share, Share) end;
cell("ring", Index, Main, Rounds) ->
    fun(Cells) -> hop(element((Index + 1) rem tuple_size(Cells) + 1, Cells), Main, Rounds) end;
cell("chameneos", 0, Main, Rounds) ->
    fun(Cells) -> mall(none, Rounds, tuple_size(Cells) - 1, 0, Main, Rounds) end;
cell("chameneos", Index, _, _) -> fun(Cells) -> creature(element(1, Cells), Index) end;
cell("big", Index, Main, Rounds) -> fun(Cells) -> big(Cells, Index, Main, Rounds) end;
cell("bank", 0, Main, Rounds) -> fun(Cells) -> teller(Cells, Main, Rounds) end;
cell("bank", _, _, _) -> fun(Cells) -> account(element(1, Cells), 0) end.

begin_run("fork_join", Cells, Rounds) ->
    Each = tuple_to_list(Cells),
    [Cell ! {increment, self()} || _ <- lists:seq(1, Rounds div length(Each)), Cell <- Each];
begin_run("ring", Cells, _) -> element(1, Cells) ! {token, 1};
begin_run(_, Cells, _) -> [Cell ! start || Cell <- tuple_to_list(Cells)].

%% ---- ping-pong

ping(Other, Main, Rounds) ->
    receive start -> ok end,
    Other ! {ping, self()},
    ping_loop(Other, Main, Rounds, Rounds).

ping_loop(Other, Main, Rounds, Left) ->
    receive {pong, Other} -> ok end,
    case Left of
        1 -> Main ! {done, Rounds};
        _ -> Other ! {ping, self()}, ping_loop(Other, Main, Rounds, Left - 1)
    end.

pong() ->
    receive
        start -> pong();
        {ping, From} -> From ! {pong, self()}, pong()
    end.

%% ---- counting: nothing bounds a mailbox here

produce(Counter, Main, Rounds) ->
    receive start -> ok end,
    [Counter ! {increment, self()} || _ <- lists:seq(1, Rounds)],
    Counter ! {tell, self()},
    receive {counted, Rounds} -> Main ! {done, Rounds} end.

count(N) ->
    receive
        start -> count(N);
        {increment, _} -> count(N + 1);
        {tell, From} -> From ! {counted, N}
    end.

%% ---- fork-join

compute() ->
    X = 37.2,
    X * X - X / 37.2.

work(Main, Share, 0) -> Main ! {done, Share};
work(Main, Share, Left) ->
    receive {increment, _} -> compute() end,
    work(Main, Share, Left - 1).

create(Rounds) ->
    Main = self(),
    Cells = [spawn(fun() -> receive {increment, _} -> compute() end, Main ! {done, 1} end)
             || _ <- lists:seq(1, Rounds)],
    [Cell ! {increment, self()} || Cell <- Cells].

%% ---- thread ring

hop(Next, Main, Rounds) ->
    receive
        {token, Rounds} -> Main ! {done, Rounds};
        {token, N} -> Next ! {token, N + 1}, hop(Next, Main, Rounds)
    end.

%% ---- chameneos

mall(_, _, 0, Told, Main, Rounds) when Told =:= 2 * Rounds -> Main ! {done, Rounds};
mall(Waiting, Left, Unfaded, Told, Main, Rounds) ->
    receive
        {meet, _, From} when Left =:= 0 ->
            From ! exit,
            mall(Waiting, Left, Unfaded, Told, Main, Rounds);
        {meet, _, From} when Waiting =:= none ->
            mall(From, Left, Unfaded, Told, Main, Rounds);
        {meet, _, _} = Meet ->
            Waiting ! Meet,
            mall(none, Left - 1, Unfaded, Told, Main, Rounds);
        {met, N} ->
            mall(Waiting, Left, Unfaded - 1, Told + N, Main, Rounds);
        start ->
            mall(Waiting, Left, Unfaded, Told, Main, Rounds)
    end.

creature(Mall, Index) ->
    receive start -> ok end,
    Colour = Index rem ?COLOURS,
    Mall ! {meet, Colour, self()},
    creature_loop(Mall, Colour, 0).

creature_loop(Mall, Colour, N) ->
    receive
        {meet, Other, From} ->
            New = complement(Colour, Other),
            From ! {change, New},
            Mall ! {meet, New, self()},
            creature_loop(Mall, New, N + 1);
        {change, New} ->
            Mall ! {meet, New, self()},
            creature_loop(Mall, New, N + 1);
        exit ->
            Mall ! {met, N}
    end.

complement(Colour, Colour) -> Colour;
complement(One, Other) -> ?COLOURS - One - Other.

%% ---- big

big(Cells, Index, Main, Rounds) ->
    receive start -> ok end,
    rand:seed(exsss, Index),
    Share = Rounds div tuple_size(Cells),
    big_loop(Cells, ping_somebody(Cells), Main, Share, Share).

ping_somebody(Cells) ->
    Whom = element(rand:uniform(tuple_size(Cells)), Cells),
    Whom ! {ping, self()},
    Whom.

big_loop(Cells, Whom, Main, Share, Left) ->
    receive
        {ping, From} ->
            From ! {pong, self()},
            big_loop(Cells, Whom, Main, Share, Left);
        {pong, Whom} when Left =:= 1 ->
            Main ! {done, Share},
            big_loop(Cells, none, Main, Share, 0);
        {pong, Whom} ->
            big_loop(Cells, ping_somebody(Cells), Main, Share, Left - 1)
    end.

%% ---- bank transaction

teller(Cells, Main, Rounds) ->
    receive start -> ok end,
    rand:seed(exsss, 123456),
    N = tuple_size(Cells) - 1,
    Sent = lists:sum([send_credit(Cells, N) || _ <- lists:seq(1, Rounds)]),
    Sent = lists:sum([receive {done, _, Amount} -> Amount end || _ <- lists:seq(1, Rounds)]),
    Main ! {done, Rounds}.

send_credit(Cells, N) ->
    From = rand:uniform(N div 10 * 8),
    To = From + rand:uniform(N - From),
    Amount = rand:uniform(1000) - 1,
    element(1 + From, Cells) ! {credit, self(), Amount, element(1 + To, Cells)},
    Amount.

account(Teller, Balance) ->
    receive
        start ->
            account(Teller, Balance);
        {credit, From, Amount, Other} ->
            Ref = make_ref(),
            Other ! {debit, self(), Ref, Amount},
            receive {debited, Ref, Amount} -> From ! {done, self(), Amount} end,
            account(Teller, Balance + Amount);
        {debit, From, Ref, Amount} ->
            From ! {debited, Ref, Amount},
            account(Teller, Balance - Amount)
    end.

%% ---- what is measured

run("creation" = Workload, _, Rounds) ->
    create(?WARM_UP),
    await(?WARM_UP),
    measure(Workload, Rounds, Rounds, fun() -> create(Rounds) end);
run(Workload, Actors, Rounds) ->
    Main = self(),
    Cells = list_to_tuple([spawn_link(fun() -> wait_for_cells(Workload, Index, Main, Rounds) end)
                           || Index <- lists:seq(0, Actors - 1)]),
    [Cell ! {cells, Cells} || Cell <- tuple_to_list(Cells)],
    measure(Workload, Actors, Rounds, fun() -> begin_run(Workload, Cells, Rounds) end).

wait_for_cells(Workload, Index, Main, Rounds) ->
    receive {cells, Cells} -> (cell(Workload, Index, Main, Rounds))(Cells) end.

await(0) -> ok;
await(Left) when Left > 0 ->
    receive {done, N} -> await(Left - N)
    after ?PATIENCE_MS -> exit({rounds_missing, Left})
    end.

measure(Workload, Actors, Rounds, Begin) ->
    {CpuBefore, _} = statistics(runtime),
    Since = erlang:monotonic_time(nanosecond),
    Begin(),
    await(Rounds),
    Seconds = (erlang:monotonic_time(nanosecond) - Since) / 1.0e9,
    {CpuAfter, _} = statistics(runtime),
    io:format("name=erlang workload=~s actors=~b requests=~b rps=~b seconds=~.3f cpu_s=~.3f~n",
              [Workload, Actors, Rounds, round(Rounds / Seconds), Seconds,
               (CpuAfter - CpuBefore) / 1000]).

%% ---- the command line

main() ->
    #{workload := Workload, rounds := Rounds} = Options =
        options(init:get_plain_arguments(), #{workload => "ping_pong", rounds => 40000}),
    Actors = maps:get(actors, Options, actors(Workload)),
    {Pid, Monitor} = spawn_monitor(fun() -> run(Workload, Actors, Rounds) end),
    receive
        {'DOWN', Monitor, process, Pid, normal} -> halt(0);
        {'DOWN', Monitor, process, Pid, Reason} ->
            io:format(standard_error, "~p~n", [Reason]),
            halt(1)
    end.

options(["--workload", Workload | Rest], Options) ->
    options(Rest, Options#{workload => Workload});
options(["--" ++ Name, Value | Rest], Options) ->
    options(Rest, Options#{list_to_atom(Name) => list_to_integer(Value)});
options([], Options) ->
    Options.
