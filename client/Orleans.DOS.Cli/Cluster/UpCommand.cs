using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Orleans.DOS.Cli.Cluster;

internal static class UpCommand
{
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);
    private static readonly Option<int> Nodes = new("--nodes") { Description = "Nodes on this host", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Postgres = new("--postgres") { Description = "Connection string of PostgreSQL, instead of SQLite in the directory" };
    private static readonly Option<bool> Detach = new("--detach", "-d") { Description = "Go on in the background; 'dos down' ends it" };

    public static Command Create() => Session.On(new Command("up", "Start nodes on this host and keep them running") { Nodes, Postgres, Detach }, RunAsync);

    private static Task RunAsync(Session session, CancellationToken cancellation)
    {
        var options = new SupervisorOptions(session.Data, session.Get(Nodes), session.Get(Postgres));
        if (options.Nodes is < 1 or > 64)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "--nodes must be between 1 and 64");
        }
        return session.Get(Detach) ? DetachAsync(options, cancellation) : KeepAsync(options, cancellation);
    }

    private static async Task KeepAsync(SupervisorOptions options, CancellationToken cancellation)
    {
        await using var supervisor = Supervisor.Start(options, Console.Error.WriteLine);
        await supervisor.ReadyAsync(ReadyMax, cancellation);
        Tell(options);
        try
        {
            await supervisor.RunAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C, TERM or 'dos down': the ordinary end.
        }
    }

    private static async Task DetachAsync(SupervisorOptions options, CancellationToken cancellation)
    {
        Directory.CreateDirectory(options.Data.Path);
        // setsid: the terminal's Ctrl-C must not reach it. The shell gives it a file in place of our standard streams.
        List<string> arguments = ["-f", "sh", "-c", "exec \"$0\" \"$@\" >>\"$DOS_LOG\" 2>&1 </dev/null", Environment.ProcessPath!,
            "up", "--data", options.Data.Path, "--nodes", options.Nodes.ToString(CultureInfo.InvariantCulture)];
        if (options.Postgres is { } postgres)
        {
            arguments.AddRange(["--postgres", postgres]);
        }
        if (SupervisorProcess.Find(options.Data) is not null)
        {
            throw new DosException(DosErrorCode.InUse, $"another 'dos up' keeps {options.Data.Path}");
        }
        var start = new ProcessStartInfo("setsid", arguments) { Environment = { ["DOS_LOG"] = options.Data.LogPath } };
        using var launched = Process.Start(start)!;
        await launched.WaitForExitAsync(cancellation);
        var began = Stopwatch.GetTimestamp();
        while (options.Data.Ready().Count < options.Nodes)
        {
            if (Stopwatch.GetElapsedTime(began) > ReadyMax)
            {
                throw new DosException(DosErrorCode.Unavailable, $"the nodes were not up after {ReadyMax.TotalSeconds:0} s; {options.Data.LogPath} tells more");
            }
            await Task.Delay(50, cancellation);
        }
        Tell(options);
    }

    private static void Tell(SupervisorOptions options)
    {
        Console.Out.WriteLine($"{options.Nodes} node(s) up in {options.Data.Path}");
        Console.Out.WriteLine($"try: dos --data {options.Data.Path} status");
    }
}
