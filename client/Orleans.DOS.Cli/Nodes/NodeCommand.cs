using System.CommandLine;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Cli.Nodes;

internal static class NodeCommand
{
    private static readonly Argument<string> Id = new("NODE");

    public static Command Create() => new("node", "The nodes of the cluster")
    {
        Session.On(new Command("ls", "List nodes"), async (session, cancellation) => Print(session, await session.Machine.Nodes.ListAsync(cancellation))),
        Session.On(new Command("show", "Show one node") { Id }, async (session, cancellation) =>
            Print(session, [await session.Machine.Nodes.StatusAsync(new NodeId(session.Get(Id)), cancellation)])),
        NodeStartCommand.Create(),
    };

    private static void Print(Session session, IEnumerable<NodeStatus> nodes) => Printer.Rows(
        session, nodes,
        n => new
        {
            id = n.Id.Value, state = n.State, incarnation = n.Incarnation, url = n.Url, cpuMillicores = n.CpuMillicores, cpuUsedMillicores = n.CpuUsedMillicores,
            memoryBytes = n.MemoryBytes, memoryUsedBytes = n.MemoryUsedBytes, diskBytes = n.DiskBytes, diskUsedBytes = n.DiskUsedBytes,
            processes = n.Processes, tasks = n.Tasks, labels = n.Labels, reported = n.Reported,
        },
        ["NODE", "STATE", "CPU", "MEMORY", "DISK", "PROCESSES", "TASKS", "URL"],
        n =>
        [
            n.Id.Value, n.State.ToString(), $"{n.CpuUsedMillicores / 1000.0:0.0}/{n.CpuMillicores / 1000.0:0.0}", Human.Bytes(n.MemoryUsedBytes),
            Human.Bytes(n.DiskUsedBytes), n.Processes.ToString(), n.Tasks.ToString(), n.Url ?? "-",
        ]);
}
