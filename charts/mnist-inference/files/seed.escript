%% Prints the node through which a node without data joins RabbitMQ's cluster: one that has the cluster, or itself.
%% Waits until that is certain. Two nodes that both made a cluster would be two brokers behind one Service.

-define(RUNBOOK, "\"A RabbitMQ volume is gone\" in docs/operations.md").
-define(PAUSE_MS, 2000).
-define(CALL_MS, 60000).

main([Self | Peers]) ->
    io:format("~ts~n", [wait_for_seed(list_to_atom(Self), [list_to_atom(Peer) || Peer <- Peers], "")]).

wait_for_seed(Self, Peers, Said) ->
    case find_seed(Self, [{Peer, ask(Peer)} || Peer <- Peers]) of
        {ok, Seed} ->
            Seed;
        {wait, Why} ->
            say(Why, Said),
            timer:sleep(?PAUSE_MS),
            wait_for_seed(Self, Peers, Why)
    end.

%% While this script runs, its Erlang node is called blank@HOST: so it answers "blank" to its peers.
ask(Peer) ->
    case rpc:call(Peer, rabbit, is_running, [], ?CALL_MS) of
        true -> running;
        _ -> case net_adm:ping(blank(Peer)) of pong -> blank; pang -> silent end
    end.

blank(Node) ->
    [_, Host] = string:split(atom_to_list(Node), "@"),
    list_to_atom("blank@" ++ Host).

find_seed(Self, Answers) ->
    Running = [Peer || {Peer, running} <- Answers],
    Silent = [Peer || {Peer, silent} <- Answers],
    case {Running, Silent, is_first(Self)} of
        {[_ | _], _, _} -> find_forgetful(Self, Running, Running);
        {[], [], true} -> {ok, Self};
        {[], [], false} -> {wait, "waits for the first node, which makes the cluster"};
        {[], _, _} -> {wait, io_lib:format("waits for ~ts: a cluster may exist there, and a second one must not begin here; "
                                           "start them, or see " ?RUNBOOK, [names(Silent)])}
    end.

is_first(Node) -> re:run(atom_to_list(Node), "^[^.]*-0\\.") =/= nomatch.

%% A queue that counts on what this node has lost could lose jobs: the cluster first forgets the node. The majority that is left must
%% run: without it, the cluster says that it has forgotten, and has not.
find_forgetful(Self, [Peer | Others], Running) ->
    case forget(Peer, Self, Running) of
        ok -> {ok, Peer};
        _ when Others =/= [] -> find_forgetful(Self, Others, Running);
        {away, Nodes} -> {wait, io_lib:format("waits for ~ts: without them no majority can take it back; start them, or see " ?RUNBOOK,
                                              [names(Nodes)])};
        Error -> {wait, io_lib:format("waits until ~ts can forget what it had: ~0P", [names([Peer]), Error, 12])}
    end.

forget(Peer, Node, Running) ->
    try
        Members = call(Peer, rabbit_db_cluster, members, []),
        Others = Members -- [Node],
        Away = Others -- Running,
        case 2 * length(Away) < length(Others) of
            true -> forget_member(Peer, Node, lists:member(Node, Members));
            false -> {away, Away}
        end
    catch
        _:Reason -> {error, Reason}
    end.

forget_member(Peer, Node, IsMember) ->
    Reasons = [Reason || {_, {error, _, Reason}} <- call(Peer, rabbit_quorum_queue, shrink_all, [Node]), Reason =/= last_node],
    case {Reasons, IsMember} of
        {[Reason | _], _} -> {error, Reason};
        {[], true} -> call(Peer, rabbit_db_cluster, forget_member, [Node, false]);
        {[], false} -> ok
    end.

call(Node, Module, Function, Arguments) -> erpc:call(Node, Module, Function, Arguments, ?CALL_MS).

names(Nodes) -> lists:join(" and ", [hd(string:split(atom_to_list(Node), ".")) || Node <- Nodes]).

say(Why, Why) -> ok;
say(Why, _) -> io:format(standard_error, "This node has no data. It ~ts.~n", [Why]).
