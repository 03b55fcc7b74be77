using System.Collections.Immutable;

namespace Orleans.DOS.Nodes;

/// <summary>An owner that was replaced and has not been seen to have dropped the object, nor to be fenced.</summary>
/// <param name="Epoch">Under which it owned.</param>
public readonly record struct EarlierOwner(NodeStart Start, long Epoch);

/// <summary>
/// The row of one owned object (design, section 4): the only home of its epoch. Who takes it raises the epoch and joins the owner
/// before to the list; it serves when each of the list has dropped the object or is fenced, and then clears the list under its epoch.
/// </summary>
/// <param name="Owner">Null: the last one gave it up in its last commit, and nobody has to be waited for.</param>
/// <param name="Earlier">At most one entry for a start of a node, because dropping is asked for "everything below this epoch".</param>
public sealed record OwnerRecord(long Epoch, NodeStart? Owner, ImmutableArray<EarlierOwner> Earlier)
{
    public static OwnerRecord First(NodeStart owner) => new(1, owner, []);

    public OwnerRecord Take(NodeStart by)
    {
        var earlier = Owner is { } owner
            ? Earlier.RemoveAll(old => old.Start == owner).Add(new EarlierOwner(owner, Epoch))
            : Earlier;
        return new OwnerRecord(Epoch + 1, by, earlier);
    }

    /// <returns>Null: there is a newer owner.</returns>
    public OwnerRecord? Clear(long epoch) => epoch == Epoch ? this with { Earlier = [] } : null;

    /// <returns>Null: there is a newer owner.</returns>
    public OwnerRecord? Resign(long epoch) => epoch == Epoch ? this with { Owner = null } : null;
}
