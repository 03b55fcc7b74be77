using System.CommandLine;
using Orleans.DOS.Cli;
using Orleans.DOS.Cli.Cluster;
using Orleans.DOS.Cli.Demo;
using Orleans.DOS.Cli.Files;
using Orleans.DOS.Cli.Jobs;
using Orleans.DOS.Cli.Nodes;
using Orleans.DOS.Cli.Processes;

var root = new RootCommand("dos: one computer made of many")
{
    UpCommand.Create(), DownCommand.Create(), StatusCommand.Create(), NodeCommand.Create(), DbCommand.Create(), FsCommand.Create(),
    RunCommand.Create(), PsCommand.Create(), KillCommand.Create(), WaitCommand.Create(), LogsCommand.Create(), JobCommand.Create(), DemoCommand.Create(),
};
GlobalOptions.AddTo(root);
var parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    return Failure.Usage(string.Join("; ", parsed.Errors.Select(error => error.Message.TrimEnd('.'))));
}
// Ours takes exceptions; ending takes as long as stopping the nodes may.
return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
