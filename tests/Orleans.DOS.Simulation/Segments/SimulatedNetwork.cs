using Orleans.DOS.Segments;

namespace Orleans.DOS.Simulation.Segments;

/// <summary>Ways between the nodes: calls are lost on the way or back, late, repeated much later, or cut off in one direction.</summary>
public sealed class SimulatedNetwork(SimulatedWorld world, SimulatedReplica[] disks)
{
    private const int TimeoutMs = 300;
    private readonly long[,] _cutUntil = new long[disks.Length, disks.Length];

    public void Cut(int from, int to, long milliseconds) => _cutUntil[from, to] = world.Now + milliseconds;

    /// <param name="home">The caller's node.</param>
    /// <param name="disk">The number of the disk that is meant.</param>
    /// <param name="awake">Runs what comes back, when the caller can take it.</param>
    public void Send(
        int home, int node, int disk, Func<SimulatedReplica, (ReplicaVerdict Verdict, ReplicaState State)> call,
        Action<Action> awake, Action<(ReplicaVerdict Verdict, ReplicaState State)?> reply)
    {
        var there = world.Chance(2) ? world.Random.Next(200, 3000) : world.Random.Next(1, 20);
        var answered = false;
        void Answer((ReplicaVerdict, ReplicaState)? answer) => awake(() =>
        {
            if (!answered)
            {
                answered = true;
                reply(answer);
            }
        });
        if (world.Chance(3))
        {
            Arrive(home, node, there + (world.Chance(50) ? 1 : world.Random.Next(1, 4000)), replica => replica.Asked(disk, call));
        }
        if (!world.Chance(3))
        {
            Arrive(home, node, there, replica =>
            {
                var result = replica.Asked(disk, call);
                if (!world.Chance(3) && !IsCut(node, home))
                {
                    world.After(world.Random.Next(1, 20), () => Answer(result));
                }
            });
        }
        world.After(TimeoutMs, () => Answer(null));
    }

    /// <summary>A message at a disk that is down is gone; at a frozen one it waits.</summary>
    private void Arrive(int home, int node, long after, Action<SimulatedReplica> act) => world.After(after, () =>
    {
        var disk = disks[node];
        if (disk.IsUp && world.Now < disk.FrozenUntil)
        {
            Arrive(home, node, disk.FrozenUntil - world.Now, act);
        }
        else if (disk.IsUp && !IsCut(home, node))
        {
            act(disk);
        }
    });

    private bool IsCut(int from, int to) => !world.Healed && world.Now < _cutUntil[from, to];
}
