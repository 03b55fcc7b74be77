using System.CommandLine;

namespace Orleans.DOS.Cli.Cluster;

internal static class UpCommand
{
    private static readonly Option<int> Nodes = new("--nodes") { Description = "Nodes on this host", DefaultValueFactory = _ => 1 };
    private static readonly Option<bool> Detach = new("--detach", "-d") { Description = "Go on in the background; 'dos down' ends it" };

    public static Command Create() => Session.On(NodeOptions.AddTo(new Command("up", "Start nodes on this host and keep them running") { Nodes, Detach }), RunAsync);

    private static async Task RunAsync(Session session, CancellationToken cancellation)
    {
        var options = new SupervisorOptions(session.Data, session.Get(Nodes), NodeOptions.Of(session));
        if (options.Nodes is < 1 or > 64)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "--nodes must be between 1 and 64");
        }
        if (session.Get(Detach))
        {
            await DetachedSupervisor.StartAsync(options, cancellation);
            Tell(session);
            return;
        }
        await using var supervisor = await Supervisor.StartAsync(options, Console.Error.WriteLine, cancellation);
        await supervisor.ReadyAsync(cancellation);
        Tell(session);
        try
        {
            await supervisor.RunAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C, TERM or 'dos down': the ordinary end.
        }
    }

    private static void Tell(Session session)
    {
        if (session.Json)
        {
            Printer.Json(new { data = session.Data.Path, nodes = session.Data.Ready().Select(node => new { name = node.Name, id = node.NodeId, pid = node.Pid, url = node.Url }) });
            return;
        }
        Console.Out.WriteLine($"{session.Get(Nodes)} node(s) up in {session.Data.Path}");
        Console.Out.WriteLine($"try: dos --data {session.Data.Path} status");
    }
}
