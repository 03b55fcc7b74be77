using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Http;

/// <summary>What belongs to no machine: <c>/v1/nodes</c>, <c>/v1/cluster</c>, <c>/v1/machines</c>, <c>/v1/whoami</c>.</summary>
internal static class NodeEndpoints
{
    private static readonly IReadOnlyList<MachineSummary> Machines = [new MachineSummary(DosCall.MainName, MachineId.Main)];

    public static void Map(IEndpointRouteBuilder v1)
    {
        v1.MapDos(HttpMethods.Get, "/nodes", ListAsync, "All nodes").Produces<NodeStatus[]>();
        v1.MapDos(HttpMethods.Get, "/nodes/{node}", StatusAsync, "One node").Produces<NodeStatus>();
        v1.MapDos(HttpMethods.Get, "/cluster", ClusterAsync, "Sums over the cluster").Produces<ClusterStatus>();
        v1.MapDos(HttpMethods.Get, "/machines", call => call.AnswerAsync(Machines, DosJson.Default.IReadOnlyListMachineSummary), "All machines").Produces<MachineSummary[]>();
        v1.MapDos(HttpMethods.Get, "/whoami", call => call.AnswerAsync(call.Caller, DosJson.Default.Caller), "Who the credential says that the caller is").Produces<Caller>();
    }

    private static async Task ListAsync(DosCall call) =>
        await call.AnswerAsync(await call.Machine().Nodes.ListAsync(call.Aborted).ConfigureAwait(false), DosJson.Default.IReadOnlyListNodeStatus).ConfigureAwait(false);

    private static async Task StatusAsync(DosCall call)
    {
        var node = new NodeId(call.Request.RouteValues["node"] as string ?? "");
        await call.AnswerAsync(await call.Machine().Nodes.StatusAsync(node, call.Aborted).ConfigureAwait(false), DosJson.Default.NodeStatus).ConfigureAwait(false);
    }

    private static async Task ClusterAsync(DosCall call) =>
        await call.AnswerAsync(await call.Machine().Nodes.ClusterAsync(call.Aborted).ConfigureAwait(false), DosJson.Default.ClusterStatus).ConfigureAwait(false);
}
