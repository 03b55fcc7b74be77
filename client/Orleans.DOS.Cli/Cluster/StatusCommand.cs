using System.CommandLine;

namespace Orleans.DOS.Cli.Cluster;

internal static class StatusCommand
{
    public static Command Create() => Session.On(new Command("status", "Show the cluster"), async (session, cancellation) =>
    {
        var status = await session.Machine.Nodes.ClusterAsync(cancellation);
        if (session.Json)
        {
            Printer.Json(new
            {
                clusterId = status.ClusterId, catalog = status.Catalog, nodesReady = status.NodesReady, nodesTotal = status.NodesTotal,
                replicas = status.ReplicasDefault, minReplicas = status.ReplicasMin, bytesBelowTarget = status.BytesBelowTarget,
                openSegmentsBelowTarget = status.OpenSegmentsBelowTarget,
                schema = status.SchemaVersion, release = status.Release,
            });
            return;
        }
        Console.Out.WriteLine($"cluster   {status.ClusterId}");
        Console.Out.WriteLine($"release   {status.Release}, catalog {status.Catalog}, schema {status.SchemaVersion}");
        Console.Out.WriteLine($"nodes     {status.NodesReady} ready of {status.NodesTotal}");
        Console.Out.WriteLine($"replicas  {status.ReplicasDefault}, at least {status.ReplicasMin}; {Human.Bytes(status.BytesBelowTarget)} below target"
            + (status.OpenSegmentsBelowTarget > 0 ? $", {status.OpenSegmentsBelowTarget} segments being written" : ""));
    });
}
