namespace Orleans.DOS.Clock;

/// <summary>The node's hybrid logical clock; one per process, safe from any thread.</summary>
public interface IHybridClock
{
    /// <summary>A new stamp, greater than every one made or seen here before.</summary>
    HybridTime Now();

    /// <summary>Takes note of a stamp that came with a message; one that is too far ahead of this host's clock is ignored.</summary>
    void Witness(HybridTime stamp);
}
