using System.CommandLine;
using Orleans.DOS.Cli;
using Orleans.DOS.Cli.Cluster;
using Orleans.DOS.Cli.Contexts;
using Orleans.DOS.Cli.Demo;
using Orleans.DOS.Cli.Files;
using Orleans.DOS.Cli.Jobs;
using Orleans.DOS.Cli.Nodes;
using Orleans.DOS.Cli.Processes;

var run = RunCommand.Create();
var root = new RootCommand("dos: one computer made of many")
{
    UpCommand.Create(), DownCommand.Create(), StatusCommand.Create(), NodeCommand.Create(), DbCommand.Create(), FsCommand.Create(),
    run, PsCommand.Create(), KillCommand.Create(), WaitCommand.Create(), LogsCommand.Create(), JobCommand.Create(), ContextCommand.Create(), DemoCommand.Create(),
};
GlobalOptions.AddTo(root);
// An argument that begins with '@' is no file with more arguments.
var parsing = new ParserConfiguration { ResponseFileTokenReplacer = null };
var parsed = root.Parse(RunCommand.Separate(args, run, root.Options), parsing);
if (parsed.CommandResult.Command is { Subcommands.Count: > 0 } group && parsed.UnmatchedTokens.Count == 0 && parsed.Errors.Count == 1)
{
    // Nothing but the name of a group: what there is in it is what was wanted.
    await root.Parse([.. args, "--help"], parsing).InvokeAsync();
    return ExitCodes.Usage;
}
if (parsed.Errors.Count > 0)
{
    return Failure.Usage(string.Join("; ", parsed.Errors.Select(error => error.Message.TrimEnd('.')))
        .Replace("as expected type 'System.Int32'", "as a whole number", StringComparison.Ordinal));
}
// Ours takes exceptions; ending takes as long as stopping the nodes may.
return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
