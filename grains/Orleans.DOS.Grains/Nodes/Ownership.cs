using System.Text.Json;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Nodes;

/// <summary>
/// Taking ownership: raise the epoch and put the owner named before on the list of those to be dropped (one commit), ask each node of
/// the list to drop the object or find it fenced, clear the list under the epoch (another commit, only if there was a list).
/// </summary>
public sealed class Ownership(ICatalog catalog, INodeView view, INodeClients clients, IOwnedObjects ownedObjects, TimeProvider time) : IOwnership
{
    /// <summary>No owner: it gave the object up in its last commit (see <see cref="ResignAsync"/>).</summary>
    private const string NoNode = "";

    /// <summary>How long to wait for earlier owners before the caller is told to come again; a call must end within <see cref="Limits.CallTimeout"/>.</summary>
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(3.5);

    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(200);

    public async Task<long> TakeAsync(ObjectId target, Func<long, IOwnedObject> owned, CancellationToken cancellationToken = default)
    {
        var started = time.GetTimestamp();
        var taken = await catalog.WriteAsync(session => RaiseAsync(session, target), cancellationToken);
        foreach (var owner in taken.Earlier)
        {
            await AwaitDroppedAsync(target, taken.Epoch, owner, started, cancellationToken);
        }
        var mine = owned(taken.Epoch);
        ownedObjects.Add(mine);
        try
        {
            if (taken.Earlier.Length > 0)
            {
                await catalog.WriteAsync(session => ClearAsync(session, target, taken.Epoch), cancellationToken);
            }
        }
        catch
        {
            ownedObjects.Remove(mine);
            throw;
        }
        return taken.Epoch;
    }

    public Task ReleaseAsync(IOwnedObject owned)
    {
        ownedObjects.Remove(owned);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Gives an object up for good as part of an owner's last transaction: the next owner then has nobody to wait for, even if this
    /// node has died by then. Nothing may be done under the epoch afterwards.
    /// </summary>
    public static Task<int> ResignAsync(ICatalogSession session, ObjectId target, long epoch) =>
        session.ExecuteAsync(
            "UPDATE dos_owners SET node_id = @nobody, incarnation = 0 WHERE object = @target AND epoch = @epoch",
            new { nobody = NoNode, target = target.ToString(), epoch });

    private async Task<OwnerRecord> RaiseAsync(ICatalogSession session, ObjectId target)
    {
        var me = new NodeStart(view.Self, view.Incarnation);
        var made = await session.ExecuteAsync(
            "INSERT INTO dos_owners(object, epoch, node_id, incarnation, predecessors) VALUES (@target, 1, @node, @incarnation, '[]') ON CONFLICT DO NOTHING", Row(target, me));
        if (made == 1)
        {
            return OwnerRecord.First(me);
        }
        var row = await session.QueryFirstAsync<OwnerRow>(
            $"SELECT epoch AS Epoch, node_id AS Node, incarnation AS Incarnation, predecessors AS Predecessors FROM dos_owners WHERE object = @target {session.Dialect.ForUpdate}",
            Row(target, me)) ?? throw new DosException(new DosError(DosErrorCode.Unavailable, $"{target} is being removed", AskAgain));
        var taken = row.ToRecord().Take(me);
        await session.ExecuteAsync(
            "UPDATE dos_owners SET epoch = @epoch, node_id = @node, incarnation = @incarnation, predecessors = @predecessors WHERE object = @target",
            new { epoch = taken.Epoch, node = me.Node.Value, incarnation = me.Incarnation, predecessors = OwnerRow.Write(taken.Earlier), target = target.ToString() });
        return taken;
    }

    private static object Row(ObjectId target, NodeStart owner) =>
        new { target = target.ToString(), node = owner.Node.Value, incarnation = owner.Incarnation };

    private static async Task<bool> ClearAsync(ICatalogSession session, ObjectId target, long epoch)
    {
        var cleared = await session.ExecuteAsync(
            "UPDATE dos_owners SET predecessors = '[]' WHERE object = @target AND epoch = @epoch", new { target = target.ToString(), epoch });
        return cleared == 1 ? true : throw new DosException(DosErrorCode.Stale, $"{target} was taken over again while epoch {epoch} began");
    }

    private async Task AwaitDroppedAsync(ObjectId target, long epoch, EarlierOwner owner, long started, CancellationToken cancellationToken)
    {
        while (!await IsDroppedAsync(target, epoch, owner))
        {
            if (time.GetElapsedTime(started) > WaitMax)
            {
                throw new DosException(new DosError(
                    DosErrorCode.Unavailable, $"{target} is still owned by node {owner.Start.Node}, which cannot be reached and is not known to be dead", TimeSpan.FromSeconds(1)));
            }
            // Membership may change (the node is found dead) or its fence may run out by time alone; so ask again at the latest after a moment.
            await Task.WhenAny(view.NextChange, Task.Delay(AskAgain, time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private async Task<bool> IsDroppedAsync(ObjectId target, long epoch, EarlierOwner owner)
    {
        var node = owner.Start.Node;
        try
        {
            if (node == view.Self)
            {
                // An earlier incarnation of this node is gone: the data directory admits one process at a time.
                return await ownedObjects.DropAsync(target, epoch).WaitAsync(WaitMax, time);
            }
            if (view.IsFenced(node, owner.Start.Incarnation))
            {
                return true;
            }
            return view.TryGetAddress(node, out _) && await clients.Node(node).DropAsync(target, epoch).WaitAsync(WaitMax, time);
        }
        catch (Exception failure) when (failure is DosException { Code: DosErrorCode.Unavailable } or TimeoutException or Orleans.Runtime.OrleansException)
        {
            return false; // Not reached: it must be fenced then, or answer the next time.
        }
    }

    private sealed class OwnerRow
    {
        public long Epoch { get; set; }
        public string Node { get; set; } = "";
        public long Incarnation { get; set; }
        public string Predecessors { get; set; } = "[]";

        public OwnerRecord ToRecord() => new(
            Epoch,
            Node == NoNode ? null : new NodeStart(new NodeId(Node), Incarnation),
            [.. JsonSerializer.Deserialize<List<Predecessor>>(Predecessors)!.Select(old => new EarlierOwner(new NodeStart(new NodeId(old.Node), old.Incarnation), old.Epoch))]);

        public static string Write(IEnumerable<EarlierOwner> earlier) =>
            JsonSerializer.Serialize(earlier.Select(old => new Predecessor(old.Start.Node.Value, old.Start.Incarnation, old.Epoch)));

        /// <summary>An element of the list. Stored.</summary>
        private sealed record Predecessor(string Node, long Incarnation, long Epoch);
    }
}
