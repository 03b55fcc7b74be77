using System.Globalization;
using Orleans.DOS.Cli.Supervisor;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Cli.Commands;

internal static class NodeCommand
{
    public static Command Make() => new("node", "The nodes that lend CPU, memory and disk") { List(), Start() };

    private static Command List()
    {
        var command = new Command("ls", "Lists the nodes");
        command.SetAction(async (parsed, cancellation) =>
        {
            using var machine = Globals.OpenMachine(parsed);
            var nodes = await machine.Nodes.ListAsync(cancellation);
            if (parsed.GetValue(Globals.Json))
            {
                Output.Json(nodes);
            }
            else
            {
                Print(nodes);
            }
            return ExitCodes.Done;
        });
        return command;
    }

    private static Command Start()
    {
        var name = new Option<string>("--name") { Description = "The node's name in its data directory", Required = true };
        var join = new Option<string?>("--postgres") { Description = "Connection string of the cluster's database (default: $DOS_POSTGRES, else the SQLite file in the data directory)" };
        var declared = new Option<int>("--nodes-declared") { Description = "Nodes that the cluster is meant to have", DefaultValueFactory = _ => 3 };
        var command = new Command("start", "Runs one more node of a cluster in the foreground: the data directory holds the cluster's key, the database its catalog") { name, join, declared };
        command.SetAction(async (parsed, cancellation) =>
        {
            var settings = new NodeSettings(Globals.DataDirectory(parsed), parsed.GetValue(name)!, parsed.GetValue(declared), Environment.ProcessorCount, parsed.GetValue(join), null);
            using var node = NodeProcess.Start(settings);
            try
            {
                await node.Exited.WaitAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                await node.StopAsync();
            }
            return node.ExitCode;
        });
        return command;
    }

    public static void Print(IReadOnlyList<NodeStatus> nodes) => Output.Table(
        ["NODE", "STATE", "CPU", "MEMORY", "DISK", "PROCESSES", "TASKS", "URL"],
        nodes.Select(node => (IReadOnlyList<string>)
        [
            node.Id.ToString(), node.State.ToString(),
            string.Create(CultureInfo.InvariantCulture, $"{node.CpuUsedMillicores / 1000.0:0.0}/{node.CpuMillicores / 1000.0:0.0}"),
            $"{Output.Bytes(node.MemoryUsedBytes)}/{Output.Bytes(node.MemoryBytes)}", $"{Output.Bytes(node.DiskUsedBytes)}/{Output.Bytes(node.DiskBytes)}",
            node.Processes.ToString(CultureInfo.InvariantCulture), node.Tasks.ToString(CultureInfo.InvariantCulture), node.Url ?? "-",
        ]));
}
