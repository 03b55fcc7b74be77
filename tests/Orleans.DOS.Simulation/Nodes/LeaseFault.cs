namespace Orleans.DOS.Simulation.Nodes;

/// <summary>What a run about leases may get wrong on purpose.</summary>
public enum LeaseFault
{
    None,
    /// <summary>The lease is counted from when an answer came, not from when it was asked for.</summary>
    LeaseFromLateAnswer,
    /// <summary>The fence does not wait for the last node's confirmation.</summary>
    FenceOneConfirmationEarly,
    /// <summary>The fence does not ask whether a confirming node was in the dead node's last view.</summary>
    LastViewIgnored,
    /// <summary>A node answers from memory without a look at its lease.</summary>
    LeaseIgnored,
}
