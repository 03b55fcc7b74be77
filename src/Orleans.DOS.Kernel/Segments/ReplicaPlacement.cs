namespace Orleans.DOS.Segments;

/// <param name="Zone">Failure domain; empty when unlabelled.</param>
public readonly record struct PlacementCandidate(NodeId Node, long DiskBytesFree, string Zone);

/// <summary>
/// Chooses the nodes of a new segment, or of what it lacks: of a new one this node first (its owner reads and writes it), then zones that have none yet, then by
/// chance weighted with free space, so that full disks fill more slowly and no node is everybody's second.
/// </summary>
public static class ReplicaPlacement
{
    /// <param name="random">One number of [0, 1), drawn by the caller.</param>
    /// <param name="heldZones">Zones of the replicas that there are already.</param>
    /// <returns>At most <paramref name="wanted"/> nodes, fewer when there are no more.</returns>
    public static IReadOnlyList<NodeId> Choose(
        IReadOnlyList<PlacementCandidate> candidates, NodeId self, int wanted, double random, IReadOnlySet<string>? heldZones = null)
    {
        var taken = heldZones is null ? new HashSet<string>(StringComparer.Ordinal) : new HashSet<string>(heldZones, StringComparer.Ordinal);
        var rest = candidates.DistinctBy(candidate => candidate.Node).OrderBy(candidate => candidate.Node.Value, StringComparer.Ordinal).ToList();
        var chosen = new List<PlacementCandidate>(wanted);
        var own = rest.FindIndex(candidate => candidate.Node == self);
        if (own >= 0 && wanted > 0 && heldZones is null)
        {
            chosen.Add(rest[own]);
            taken.Add(rest[own].Zone);
            rest.RemoveAt(own);
        }
        while (chosen.Count < wanted && rest.Count > 0)
        {
            var fresh = rest.Where(candidate => candidate.Zone.Length == 0 || !taken.Contains(candidate.Zone)).ToList();
            var pool = fresh.Count > 0 ? fresh : rest;
            var pick = Weighted(pool, ref random);
            chosen.Add(pick);
            taken.Add(pick.Zone);
            rest.Remove(pick);
        }
        return [.. chosen.Select(candidate => candidate.Node)];
    }

    /// <summary>Uses up the part of the number that decided, so that one number serves several picks.</summary>
    private static PlacementCandidate Weighted(List<PlacementCandidate> pool, ref double random)
    {
        var total = pool.Sum(Weight);
        var at = random * total;
        foreach (var candidate in pool)
        {
            var weight = Weight(candidate);
            if (at < weight)
            {
                random = at / weight;
                return candidate;
            }
            at -= weight;
        }
        return pool[^1];
    }

    private static double Weight(PlacementCandidate candidate) => Math.Max(1, candidate.DiskBytesFree);
}
