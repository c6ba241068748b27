import { Inject, Injectable } from '@nestjs/common'
import { AppError, type ComparedItem, type ItemFacets } from '../contracts/index.js'
import { AnnotationStore } from '../store/annotation-store.js'
import { ExampleStore } from '../store/example-store.js'
import { ItemFinder } from '../store/item-finder.js'

/** The items of compared runs one by one, and what they can be narrowed by. */
@Injectable()
export class ItemsService {
  constructor(
    @Inject(ExampleStore) private readonly examples: ExampleStore,
    @Inject(AnnotationStore) private readonly annotations: AnnotationStore,
    @Inject(ItemFinder) private readonly finder: ItemFinder,
  ) {}

  /** One item with everything known of its answers. */
  async item(runIds: string[], itemId: string): Promise<ComparedItem> {
    const [answers, annotations] = await Promise.all([this.examples.ofItem(runIds, itemId), this.annotations.list(runIds, itemId)])
    if (answers.length === 0) throw new AppError('not_found', `None of these runs has an answer to the item "${itemId}".`)
    return { itemId, answers, annotations }
  }

  facets(runIds: string[]): Promise<ItemFacets> {
    return this.finder.facets(runIds)
  }
}
