using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Processes;

/// <summary>
/// Brings processes onto nodes: chooses, commits the choice, then starts; so that whoever finds the row knows where to look. A node
/// that refuses is passed over. A call whose outcome is unknown is left to the warden: starting elsewhere might start it twice.
/// </summary>
public sealed partial class ProcessLauncher(ICatalog catalog, INodeView nodes, INodeClients clients, TimeProvider time, ILogger<ProcessLauncher> log)
{
    private static readonly HashSet<NodeId> None = [];

    /// <summary>The first choice, made before the row exists, so that a spawn costs one commit.</summary>
    internal ProcessRow Choose(ProcessRow pending, IReadOnlyDictionary<string, string> labels, IReadOnlySet<NodeId>? excluded = null)
    {
        var (node, reason) = ProcessPlacement.Choose(nodes.Reports.Values, labels, excluded ?? None, Random.Shared.NextDouble());
        return node is { } chosen && nodes.Reports.TryGetValue(chosen, out var report)
            ? ProcessLifecycle.Start(pending, chosen, report.Incarnation, time.GetUtcNow()) ?? pending
            : pending with { Reason = reason };
    }

    /// <summary>Places and starts what waits. Nothing happens when somebody else did meanwhile.</summary>
    internal async Task LaunchAsync(ProcessRecord record)
    {
        var next = Choose(record.Row, record.ReadSpec().Labels);
        if (next == record.Row || !await catalog.ChangeAsync(record, next))
        {
            return;
        }
        await StartAsync(record);
    }

    /// <summary>Starts a row that is Running on its node; on refusal on others; Pending when none is left.</summary>
    internal async Task StartAsync(ProcessRecord record)
    {
        var refused = new HashSet<NodeId>();
        while (record is { State: (long)ProcessState.Running, Node: { } node })
        {
            try
            {
                await clients.Programs(node).StartAsync(record.ToStart());
                return;
            }
            catch (DosException refusal) when (refusal.Code is DosErrorCode.LimitExceeded or DosErrorCode.Unavailable or DosErrorCode.UnknownProgram)
            {
                refused.Add(node);
                if (ProcessLifecycle.Unstart(record.Row, record.Incarnation, node, refusal.Message) is not { } waiting
                    || !await catalog.ChangeAsync(record, Choose(waiting, record.ReadSpec().Labels, refused)))
                {
                    return;
                }
            }
            // Time-out, broken connection: the node has it or dies or adopts it; the warden sees to that.
            catch (Exception failure)
            {
                LogUnknown(log, failure, new ProcessId(record.Pid), node);
                return;
            }
        }
    }
}
