namespace Orleans.DOS.Cli.Commands;

internal static class StatusCommand
{
    public static Command Make()
    {
        var command = new Command("status", "The cluster in one look");
        command.SetAction(async (parsed, cancellation) =>
        {
            using var machine = Globals.OpenMachine(parsed);
            var cluster = await machine.Nodes.ClusterAsync(cancellation);
            var nodes = await machine.Nodes.ListAsync(cancellation);
            if (parsed.GetValue(Globals.Json))
            {
                Output.Json(new { cluster, nodes });
                return ExitCodes.Done;
            }
            Console.WriteLine($"cluster {cluster.ClusterId} over {cluster.Catalog}, release {cluster.Release}, schema {cluster.SchemaVersion}");
            Console.WriteLine($"nodes   {cluster.NodesReady} ready of {cluster.NodesTotal}");
            Console.WriteLine($"copies  {cluster.ReplicasDefault} of each byte, at least {cluster.ReplicasMin} to write; {Output.Bytes(cluster.BytesBelowTarget)} below target");
            NodeCommand.Print(nodes);
            return ExitCodes.Done;
        });
        return command;
    }
}
