using Orleans.DOS.Cli.Commands;

namespace Orleans.DOS.Cli;

/// <summary>The command `dos`: noun then verb, short forms for run, ps, kill, wait, logs. One file per command under Commands.</summary>
internal static class CommandLine
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("One computer made of many: files, processes and jobs over many nodes")
        {
            Globals.Data, Globals.Url, Globals.Credential, Globals.Machine, Globals.Json,
        };
        root.Add(UpCommand.Make());
        root.Add(DownCommand.Make());
        root.Add(StatusCommand.Make());
        root.Add(NodeCommand.Make());
        root.Add(DbCommand.Make());
        root.Add(FsCommand.Make());
        root.Add(RunCommand.Make());
        root.Add(PsCommand.Make());
        root.Add(KillCommand.Make());
        root.Add(WaitCommand.Make());
        root.Add(LogsCommand.Make());
        root.Add(JobCommand.Make());
        root.Add(DemoCommand.Make());
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            await Console.Error.WriteLineAsync($"dos: {parsed.Errors[0].Message.TrimEnd('.')} [Usage]; see dos --help");
            return ExitCodes.Usage;
        }
        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
        }
        catch (Exception failure)
        {
            return Failures.Tell(failure);
        }
    }
}
