%% Erlang/OTP: N gen_servers that send back what they get
%%
%%     erl -noshell -pa FOLDER -s erlang_peer main -extra --mode M --workers N ...
%%
%%     --mode dispatcher   a gen_server picks the worker with the fewest pending, and each reply
%%                         passes through it, as through a router
%%     --mode gen_server   the client picks by the lengths of their queues; no hop between
%%     --mode restart      no requests: a child of a supervisor of N is killed R times, until its
%%                         successor is registered
%%     --mode spawn        no requests: R processes are started, each when the last one runs
%%
%% A request is {Number, Payload}: a binary cannot be given a number without copying it. The
%% payload is one for all, so a large one is passed on by reference.
-module(erlang_peer).
-behaviour(gen_server).
-export([main/0, start_worker/1, start_child/1]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(WARM_UP, 20000).

%% ---- servers

start_worker(State) -> gen_server:start_link(?MODULE, State, []).

start_child(Name) -> gen_server:start_link({local, Name}, ?MODULE, worker, []).

init({supervisor, Children}) ->
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1}, Children}};
init({dispatcher, Workers}) ->
    {ok, {Workers, erlang:make_tuple(tuple_size(Workers), 0)}};
init(worker) ->
    {ok, worker}.

handle_call(_, _From, State) -> {reply, ok, State}.

handle_cast({request, Client, Request}, {Workers, Pending}) ->
    Index = least(Pending),
    gen_server:cast(element(Index, Workers), {work, self(), Index, Client, Request}),
    {noreply, {Workers, add(Index, 1, Pending)}};
handle_cast({done, Index, Client, Request}, {Workers, Pending}) ->
    Client ! {reply, Request},
    {noreply, {Workers, add(Index, -1, Pending)}};
handle_cast({work, Dispatcher, Index, Client, Request}, worker) ->
    gen_server:cast(Dispatcher, {done, Index, Client, Request}),
    {noreply, worker};
handle_cast({request, Client, Request}, worker) ->
    Client ! {reply, Request},
    {noreply, worker}.

add(Index, Number, Tuple) -> setelement(Index, Tuple, element(Index, Tuple) + Number).

%% The index of the least element, or of the first that is 0.
least(Tuple) -> least(fun(Index) -> element(Index, Tuple) end, tuple_size(Tuple)).

least(Value, Size) -> least(Value, Size, 2, 1, Value(1)).

least(_, Size, Index, Best, Least) when Index > Size; Least =:= 0 -> Best;
least(Value, Size, Index, Best, Least) ->
    case Value(Index) of
        Less when Less < Least -> least(Value, Size, Index + 1, Index, Less);
        _ -> least(Value, Size, Index + 1, Best, Least)
    end.

%% ---- the client

%% Where a request goes: to the dispatcher, or to the worker with the shortest queue.
send({dispatcher, Dispatcher}, Request) ->
    gen_server:cast(Dispatcher, {request, self(), Request});
send({gen_server, Workers}, Request) ->
    Index = least(fun(Index) -> queue_length(element(Index, Workers)) end, tuple_size(Workers)),
    gen_server:cast(element(Index, Workers), {request, self(), Request}).

queue_length(Pid) ->
    {message_queue_len, Length} = process_info(Pid, message_queue_len),
    Length.

%% Atomics by number: when it began, 0 before and after, and how long it took.
books(Requests) -> {atomics:new(Requests, []), atomics:new(Requests, [])}.

client(Target, Payload, Window, Requests, Books) ->
    Begun = min(Window, Requests),
    [begin_one(Target, Payload, Number, Books) || Number <- lists:seq(1, Begun)],
    client_loop(Target, Payload, Begun, Requests, Requests, Books).

client_loop(_, _, _, _, 0, _) -> ok;
client_loop(Target, Payload, Begun, Requests, Left, Books) ->
    receive
        {reply, {Number, Reply}} when byte_size(Reply) =:= byte_size(Payload) ->
            end_one(Number, Books)
    end,
    case Begun < Requests of
        true ->
            begin_one(Target, Payload, Begun + 1, Books),
            client_loop(Target, Payload, Begun + 1, Requests, Left - 1, Books);
        false ->
            client_loop(Target, Payload, Begun, Requests, Left - 1, Books)
    end.

begin_one(Target, Payload, Number, {Began, _}) ->
    atomics:put(Began, Number, now_ns()),
    send(Target, {Number, Payload}).

%% A reply that comes twice finds no begin, and ends the program.
end_one(Number, {Began, Took}) ->
    Since = atomics:exchange(Began, Number, 0),
    true = Since =/= 0,
    atomics:put(Took, Number, now_ns() - Since).

now_ns() -> erlang:monotonic_time(nanosecond).

%% ---- what is measured

run(Mode, Options) when Mode =:= "dispatcher"; Mode =:= "gen_server" ->
    #{workers := N, window := Window, requests := Requests, size := Size} = Options,
    Workers = list_to_tuple([Pid || _ <- lists:seq(1, N), {ok, Pid} <- [start_worker(worker)]]),
    Target = target(Mode, Workers),
    Payload = binary:copy(<<0>>, Size),
    client(Target, Payload, Window, ?WARM_UP, books(?WARM_UP)),
    {_, Took} = Books = books(Requests),
    measure(Options, fun() -> client(Target, Payload, Window, Requests, Books) end, Took);
run("restart", Options = #{workers := N, requests := Requests}) ->
    ok = logger:set_primary_config(level, none), % a supervisor reports each child that it restarts
    Names = [list_to_atom("child_" ++ integer_to_list(Index)) || Index <- lists:seq(1, N)],
    Children = [#{id => Name, start => {?MODULE, start_child, [Name]}} || Name <- Names],
    {ok, _} = supervisor:start_link(?MODULE, {supervisor, Children}),
    repeat(Options, Requests, fun() -> kill_and_wait(hd(Names)) end);
run("spawn", Options = #{requests := Requests}) ->
    repeat(Options, Requests, fun spawn_and_wait/0).

target("dispatcher", Workers) ->
    {ok, Dispatcher} = start_worker({dispatcher, Workers}),
    {dispatcher, Dispatcher};
target("gen_server", Workers) ->
    {gen_server, Workers}.

kill_and_wait(Name) ->
    Old = whereis(Name),
    exit(Old, kill),
    wait_for_other(Name, Old).

wait_for_other(Name, Old) ->
    case whereis(Name) of
        Pid when is_pid(Pid), Pid =/= Old -> ok;
        _ -> erlang:yield(), wait_for_other(Name, Old)
    end.

spawn_and_wait() ->
    Self = self(),
    Pid = spawn(fun() -> Self ! {up, self()} end),
    receive {up, Pid} -> ok end.

repeat(Options, Times, Act) ->
    {_, Took} = books(Times),
    measure(Options, fun() -> repeat_loop(Times, Act, Took) end, Took).

repeat_loop(0, _, _) -> ok;
repeat_loop(Left, Act, Took) ->
    Since = now_ns(),
    Act(),
    atomics:put(Took, Left, now_ns() - Since),
    repeat_loop(Left - 1, Act, Took).

measure(Options, Act, Took) ->
    #{mode := Mode, workers := Workers, window := Window, size := Size} = Options,
    {CpuBefore, _} = statistics(runtime),
    Since = now_ns(),
    Act(),
    Seconds = (now_ns() - Since) / 1.0e9,
    {CpuAfter, _} = statistics(runtime),
    #{size := Requests} = atomics:info(Took),
    Sorted = list_to_tuple(lists:sort([atomics:get(Took, I) || I <- lists:seq(1, Requests)])),
    [P50, P99, P999] =
        [element(1 + trunc(Share * (Requests - 1)), Sorted) / 1000 || Share <- [0.5, 0.99, 0.999]],
    io:format("name=erlang mode=~s transport=inproc workers=~b window=~b size=~b requests=~b "
              "rps=~b p50_us=~.2f p99_us=~.2f p999_us=~.2f cpu_s=~.3f~n",
              [Mode, Workers, Window, Size, Requests, round(Requests / Seconds), P50, P99, P999,
               (CpuAfter - CpuBefore) / 1000]).

%% ---- the command line

main() ->
    Defaults = #{mode => "dispatcher", workers => 1, window => 1, requests => 10000, size => 64},
    Options = options(init:get_plain_arguments(), Defaults),
    {Pid, Monitor} = spawn_monitor(fun() -> run(maps:get(mode, Options), Options) end),
    receive
        {'DOWN', Monitor, process, Pid, normal} -> halt(0);
        {'DOWN', Monitor, process, Pid, Reason} ->
            io:format(standard_error, "~p~n", [Reason]),
            halt(1)
    end.

options(["--mode", Mode | Rest], Options) ->
    options(Rest, Options#{mode => Mode});
options(["--transport", "inproc" | Rest], Options) ->
    options(Rest, Options);
options(["--" ++ Name, Value | Rest], Options) ->
    options(Rest, maps:update(list_to_atom(Name), list_to_integer(Value), Options));
options([], Options) ->
    Options.
