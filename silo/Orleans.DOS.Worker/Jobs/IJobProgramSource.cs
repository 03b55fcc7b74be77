namespace Orleans.DOS.Jobs;

/// <summary>Where a worker finds programs that can be split.</summary>
public interface IJobProgramSource
{
    /// <returns>A new instance, for one task alone.</returns>
    /// <exception cref="DosException">UnknownProgram: no program of that name is an <see cref="IJobProgram"/>.</exception>
    IJobProgram Find(string name);
}
